/** Bugs to plant in the membership core, in the form of `planted-bugs.ts`: its checkers must catch every one. */
import type { PlantedBug } from './planted-bug.ts'

export const MEMBERSHIP_BUGS: readonly PlantedBug[] = [
  {
    name: 'stale-incarnation-accepted',
    file: 'src/topology/members.ts',
    line: 'if (isHigher({ epoch, incarnation }, member.pair)) raisePair(ctx, member, { epoch, incarnation })',
    instead: 'if (epoch >= member.pair.epoch) raisePair(ctx, member, { epoch, incarnation })',
    why: 'an old heartbeat brings a dead member back',
  },
  {
    name: 'refutation-ignored',
    file: 'src/topology/members.ts',
    line: "setVerdict(ctx, member, 'alive', isNewLife ? 'it has started anew' : 'it has refuted what was said')",
    instead: "if (isNewLife) setVerdict(ctx, member, 'alive', 'it has started anew')",
    why: 'who is held offline cannot come back but by a restart',
  },
  {
    name: 'refutation-not-signed',
    file: 'src/topology/refute.ts',
    line: "out.push({ type: 'refute', own: state.own })",
    instead: '',
    why: 'a member hears that it is held dead and tells nobody',
  },
  {
    name: 'one-witness-suffices',
    file: 'src/topology/verdicts.ts',
    line: 'const quorum = Math.max(1, Math.min(config.quorum, possible))',
    instead: 'const quorum = 1',
    why: 'a single liar decides who is alive',
  },
  {
    name: 'suspects-never-time-out',
    file: 'src/topology/verdicts.ts',
    line:
      "setVerdict(ctx, member, 'offline', " +
      '`${count(all)}: no answer, and no word from it for ${Math.round(timeMs)} ms`)',
    instead: 'acquit(ctx, id)',
    why: 'silence is noticed and has no consequence',
  },
  {
    name: 'lone-witness-never-believed',
    file: 'src/topology/verdicts.ts',
    line: 'if (isLone && !member.isLone && nowMs < member.accusedMs + maxMs) {',
    instead: 'if (isLone) return; if (nowMs < 0) {',
    why: 'when most are gone, those that are left wait for each other for ever',
  },
  {
    name: 'brake-off',
    file: 'src/topology/brake.ts',
    line: "out.push({ type: 'brake', on: true, lost, members: roster })",
    instead: '',
    why: 'a node that is cut off starts the work of everybody else',
  },
  {
    name: 'brake-let-go-at-once',
    file: 'src/topology/brake.ts',
    line: 'if (state.brake === undefined || nowMs < state.brake.untilMs || alive <= roster / 2) return',
    instead: 'if (state.brake === undefined) return',
    why: 'the first one that comes back ends the pause',
  },
  {
    name: 'wrong-watcher-set',
    file: 'src/topology/watchers.ts',
    line: 'const score = mix(state.selfHash, hash)',
    instead: 'const score = mix(hash, state.selfHash)',
    why: 'those who watch are not those whose word counts',
  },
  {
    name: 'errands-kept',
    file: 'src/topology/errands.ts',
    line: "state.deadlines.setEarlier('errands', nowMs + ERRAND_MS)",
    instead: '',
    why: 'what one that is gone does not answer is remembered for ever',
  },
  {
    name: 'watch-list-kept',
    file: 'src/topology/state.ts',
    line: "state.deadlines.setEarlier('watches', nowMs + GATHER_MS)",
    instead: "if (state.rosterVersion < 40) state.deadlines.setEarlier('watches', nowMs + GATHER_MS)",
    why: 'nobody takes the place of watchers that are gone',
  },
  {
    name: 'late-wake-not-forgiven',
    file: 'src/topology/awareness.ts',
    line: 'if (lateMs <= state.config.lateMs) return',
    instead: 'if (lateMs < Infinity) return',
    why: 'who stood still itself accuses everybody else',
  },
  {
    name: 'runs-never-end',
    file: 'src/topology/probing.ts',
    line: 'watch.misses = 0',
    instead: '',
    why: 'single losses add up to a silence',
  },
  {
    name: 'loss-not-considered',
    file: 'src/topology/silence.ts',
    line: 'return Math.min(Math.max(Math.ceil(Math.log(chance) / Math.log(atLeast)), LEAST_MISSES), MOST_MISSES)',
    instead: 'return 1',
    why: 'the first lost datagram is evidence',
  },
  {
    name: 'not-told',
    file: 'src/topology/tell.ts',
    line: 'state.deadlines.set(key, Math.max(soonMs, member.toldMs + TELL_MS))',
    instead: '',
    why: 'after a partition both sides hold each other dead for ever',
  },
  {
    name: 'goodbye-ignored',
    file: 'src/topology/members.ts',
    line: "setVerdict(ctx, member, 'left', 'it said goodbye')",
    instead: '',
    why: 'who leaves is searched for',
  },
]
