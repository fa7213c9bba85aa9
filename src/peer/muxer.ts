/**
 * libp2p's yamux, which gives credit back in halves. As it comes it answers every message with a window update:
 * a frame of its own, encrypted, written and read, for each small frame of a control stream, which nearly doubles
 * what a message costs. The specification leaves the moment open; its reference implementation waits until half of
 * the window is spent (hashicorp/yamux, `sendWindowUpdate` of stream.go), and so does this.
 */
import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import type { YamuxMuxerInit } from '@libp2p/yamux'
import { StreamState } from '@libp2p/yamux/stream'
import type { YamuxStream } from '@libp2p/yamux/stream'

/** To be used in place of `yamux(init)`. */
export function thriftyYamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
  return () => {
    const factory = yamux(init)()
    const createStreamMuxer = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer(connection)
      const onCreateStream = muxer.onCreateStream.bind(muxer)
      const onRemoteStream = muxer.onRemoteStream.bind(muxer)
      muxer.onCreateStream = () => thrifty(onCreateStream())
      muxer.onRemoteStream = (stream) => onRemoteStream(thrifty(stream))
      return muxer
    }
    return factory
  }
}

/** What a stream may still receive, and what it may receive at most, before the next update. */
interface Windows {
  readonly recvWindow: number
  readonly recvWindowCapacity: number
}

function thrifty(stream: YamuxStream): YamuxStream {
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    // Neither is public, but there is no other way to know what is spent.
    const { recvWindow: windowBytes, recvWindowCapacity: leftBytes } = stream as unknown as Windows
    // Before it is established an update opens or accepts the stream, and cannot wait.
    if (stream.state === StreamState.Established && (windowBytes - leftBytes) * 2 < windowBytes) return
    sendWindowUpdate()
  }
  return stream
}
