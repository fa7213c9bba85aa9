/** libp2p's circuit relay: imported as a whole when a relay is needed, and not before. It costs a megabyte. */
export { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
