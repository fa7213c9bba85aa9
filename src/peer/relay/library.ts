/** libp2p's circuit relay, imported when a relay is needed, and not before. The build makes it a file of its own. */
export { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
