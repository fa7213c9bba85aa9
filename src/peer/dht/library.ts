/** libp2p's Kademlia, half a megabyte of code: imported by those who ask for it, and built into a file of its own. */
export { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
