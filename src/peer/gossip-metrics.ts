/**
 * The few of gossipsub's hundred metrics that say something was refused. It reports malformed RPCs nowhere else.
 * Everything else is a shared no-op, so that the hot path pays one empty call.
 */
import type { GossipsubOpts } from '@libp2p/gossipsub'
import type { Counters } from './counters.ts'

type MetricsRegister = NonNullable<GossipsubOpts['metricsRegister']>

/** gossipsub's name → ours. */
const KEPT: Readonly<Record<string, string>> = {
  gossipsub_peer_read_stream_err_count_total: 'gossip_stream_errors_total',
  gossipsub_rpc_data_err_count_total: 'gossip_malformed_rpcs_total',
  gossipsub_rpc_recv_err_count_total: 'gossip_rpc_errors_total',
  gossipsub_rpc_rcv_not_accepted_total: 'gossip_graylisted_rpcs_total',
  gossipsub_rpc_recv_bytes_total: 'gossip_bytes_in_total',
  gossipsub_rpc_sent_bytes_total: 'gossip_bytes_out_total',
  gossipsub_rpc_recv_count_total: 'gossip_rpcs_in_total',
  gossipsub_rpc_sent_count_total: 'gossip_rpcs_out_total',
}

const NOTHING = {
  inc: () => {},
  set: () => {},
  addCollect: () => {},
  observe: () => {},
  reset: () => {},
  startTimer: () => () => {},
}

/** A register for gossipsub that keeps only the few, in `counters`. */
export function gossipMetrics(counters: Counters): MetricsRegister {
  const gauge = (config: { name: string }): object => {
    const name = KEPT[config.name]
    if (name === undefined) return NOTHING
    return {
      ...NOTHING,
      // With labels the value is the second argument, without it is the first.
      inc: (first?: unknown, second?: number) => counters.add(name, typeof first === 'number' ? first : (second ?? 1)),
    }
  }
  return { gauge, histogram: () => NOTHING, avgMinMax: () => NOTHING } as unknown as MetricsRegister
}
