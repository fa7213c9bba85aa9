/**
 * Bugs to plant: one line of the core changed, each a mistake somebody could make. The checkers must catch
 * every one as they stand, which is how they are tested themselves. A line that is no longer there is an
 * error: its bug has to be written anew.
 */
export interface PlantedBug {
  readonly name: string
  readonly file: string
  /** The line, without its indentation; it must occur once. */
  readonly line: string
  readonly instead: string
  readonly why: string
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'bids-more-than-fits',
    file: 'src/negotiation/executor/bids.ts',
    line: 'const slots = reasons.length > 0 ? 0 : slotsThatFit(spec, offer.slots, ctx.local, free)',
    instead: 'const slots = reasons.length > 0 ? 0 : offer.slots',
    why: 'a node promises more than it has',
  },
  {
    name: 'granted-without-a-hold',
    file: 'src/negotiation/executor/contracts.ts',
    line: 'const hold = state.holds.get(award.bidId)',
    instead:
      'const hold = state.holds.get(award.bidId) ?? [...state.contracts.values()]' +
      '.map((one) => ({ ...one, slots: 9, active: 0 })).find((one) => one.bidId === award.bidId)',
    why: 'an award is accepted whose hold is gone',
  },
  {
    name: 'grant-leaves-the-hold',
    file: 'src/negotiation/executor/contracts.ts',
    line: 'hold.slots--',
    instead: '',
    why: 'a slot is set aside for its contract and still on offer',
  },
  {
    name: 'hold-never-expires',
    file: 'src/negotiation/executor/bids.ts',
    line: 'state.deadlines.set(`hold:${bidId}`, ctx.nowMs + ctx.config.holdMs)',
    instead: '',
    why: 'a submitter that dies keeps its slots for ever',
  },
  {
    name: 'slot-returned-twice',
    file: 'src/negotiation/executor/holds.ts',
    line: 'hold.slots++',
    instead: 'hold.slots += 2',
    why: 'an ended run gives back more than it took',
  },
  {
    name: 'release-frees-nothing',
    file: 'src/negotiation/executor/holds.ts',
    line: 'state.holds.delete(bidId)',
    instead: 'state.holds.delete(bidId); if (hold.active === 0) return',
    why: 'released slots stay reserved',
  },
  {
    name: 'restart-forgets-reservations',
    file: 'src/negotiation/restore.ts',
    line: 'state.reserved = addResources(state.reserved, contract.spec.resources)',
    instead: '',
    why: 'after a crash the capacity of what still runs is given away',
  },
  {
    name: 'contract-not-stored',
    file: 'src/negotiation/executor/contracts.ts',
    line: 'persistContract(ctx, contract)',
    instead: '',
    why: 'a grant is acknowledged that a crash forgets',
  },
  {
    name: 'award-not-stored',
    file: 'src/negotiation/submitter/award.ts',
    line: "moveTask(ctx, task, 'awarded')",
    instead: "moveTask(ctx, task, 'awarded'); if (attempt > 1) return runIdOf(ctx.self, task.taskId, attempt)",
    why: 'a second attempt is neither stored nor renewed',
  },
  {
    name: 'job-stored-late',
    file: 'src/negotiation/submitter/rounds.ts',
    line: "ctx.out.push({ type: 'persist', collection: 'job', key: job.jobId, doc: jobDoc(job) })",
    instead: 'state.dirtyJobs.add(job.jobId)',
    why: 'an acknowledged job is forgotten by a crash',
  },
  {
    name: 'attempt-number-kept',
    file: 'src/negotiation/submitter/award.ts',
    line: 'const attempt = (currentAttempt(task)?.attempt ?? 0) + 1',
    instead: 'const attempt = currentAttempt(task)?.attempt ?? 1',
    why: 'two attempts under one number',
  },
  {
    name: 'lost-too-soon',
    file: 'src/negotiation/submitter/leases.ts',
    line: 'if (silentMs >= ctx.config.lostAfterMs && !ctx.cutOff && !state.missed.has(node))',
    instead: 'if (silentMs >= ctx.config.leaseMs / 2 && !ctx.cutOff && !state.missed.has(node))',
    why: 'a short silence opens another attempt',
  },
  {
    name: 'unknown-while-in-doubt',
    file: 'src/negotiation/submitter/leases.ts',
    line: 'if (!task || isInDoubt(state, ctx, task)) continue',
    instead: 'if (!task) continue',
    why: 'an attempt whose award is still under way is given up',
  },
  {
    name: 'doubt-forgotten',
    file: 'src/negotiation/restore.ts',
    line:
      "if (task.state === 'awarded' && attempt.contractedAtMs === undefined) " +
      'restoreDoubt(state, ctx, job, attempt, runId)',
    instead: '',
    why: 'after a crash an unanswered award is not repeated',
  },
  {
    name: 'settled-not-buried',
    file: 'src/negotiation/executor/reports.ts',
    line: "state.tombstones.set(tombstoneKey(submitter, runId), 'this attempt has ended and was settled')",
    instead: '',
    why: 'a late copy of an award starts the attempt again',
  },
  {
    name: 'settled-not-removed',
    file: 'src/negotiation/executor/reports.ts',
    line: 'state.contracts.delete(runId)',
    instead: '',
    why: 'contracts pile up',
  },
  {
    name: 'end-reported-once',
    file: 'src/negotiation/executor/reports.ts',
    line: 'state.deadlines.setEarlier(`settle:${submitter}`, ctx.nowMs + waiting.waitMs)',
    instead: '',
    why: 'a lost report is never repeated',
  },
  {
    name: 'settled-before-the-output',
    file: 'src/negotiation/submitter/reports.ts',
    line: 'else if (!isFetching(state, taskId, attempt)) settled.push({ taskId, attempt })',
    instead: 'else settled.push({ taskId, attempt })',
    why: 'the executor may drop the output that is still being fetched',
  },
  {
    name: 'stop-lost-by-restart',
    file: 'src/negotiation/restore.ts',
    line: "if (why && phase === 'running') ctx.out.push({ type: 'stop', runId, why, graceMs: contract.spec.graceMs })",
    instead: '',
    why: 'a cancelled run goes on when its daemon was restarted in the middle',
  },
  {
    name: 'decline-without-reasons',
    file: 'src/negotiation/executor/bids.ts',
    line: "return send(ctx, from, { t: 'decline', body: { offerId, reasons: reasons.slice(0, 16), wouldFit: free } })",
    instead:
      "return send(ctx, from, { t: 'decline', body: { offerId, reasons: reasons.slice(1, 16), wouldFit: free } })",
    why: 'a node says no and not why',
  },
  {
    name: 'not-offered-again',
    file: 'src/negotiation/submitter/rounds.ts',
    line: 'scheduleReoffer(state, ctx, job)',
    instead: '',
    why: 'what found no place in its first round waits for ever',
  },
  {
    name: 'share-not-kept',
    file: 'src/negotiation/executor/bids.ts',
    line: 'const held = Math.min(slots, contractsLeft(state, ctx, from))',
    instead: 'const held = slots',
    why: 'one submitter is promised every contract that a node can keep',
  },
  {
    name: 'share-of-holds-ignored',
    file: 'src/negotiation/executor/bids.ts',
    line: 'if (reasons.length === 0) reasons.push(...shareReasons(state, ctx, from, free))',
    instead: '',
    why: 'a submitter that floods a node with offers shuts out the others',
  },
  {
    name: 'stale-record-taken',
    file: 'src/registry/state.ts',
    line: 'return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)',
    instead: 'return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq >= b.seq)',
    why: 'a repeated record counts as news',
  },
  {
    name: 'epoch-kept',
    file: 'src/store/epoch.ts',
    line: 'const epoch = Math.max(stored + 1, atLeast, unixSeconds)',
    instead: 'const epoch = Math.max(stored, atLeast, unixSeconds)',
    why: 'a machine without a clock signs two records with one number',
  },
  {
    name: 'lost-instead-of-cancelled',
    file: 'src/negotiation/submitter/reports.ts',
    line: 'if (failed && (lost || (!task.cancelRequested && task.retries < job.spec.retries))) {',
    instead: 'if (failed && !task.cancelRequested && (lost || task.retries < job.spec.retries)) {',
    why: 'a cancelled task whose run vanished is called failed',
  },
  {
    name: 'time-to-place-not-renewed',
    file: 'src/negotiation/submitter/rounds.ts',
    line: 'if (task.queuedAtMs + limitMs > ctx.nowMs) {',
    instead: 'if (task.queuedAtMs > ctx.nowMs + limitMs) {',
    why: 'a task that comes back to the queue late fails at once',
  },
  {
    name: 'retries-not-counted',
    file: 'src/negotiation/submitter/reports.ts',
    line: 'if (!lost) task.retries++',
    instead: '',
    why: 'a task that always fails is tried until its attempts run out',
  },
  {
    name: 'dotted-offer-id',
    file: 'src/negotiation/submitter/rounds.ts',
    line: 'const offerId = `${job.jobId}-${ctx.rng.id(8)}`',
    instead: 'const offerId = `${job.jobId}-${ctx.rng.id(8)}.1`',
    why: 'no receiver of the offer takes its id, though the core itself would',
  },
  {
    name: 'undefined-sent',
    file: 'src/negotiation/executor/reports.ts',
    line: '...(startedAtMs === undefined ? {} : { startedAtMs }),',
    instead: 'startedAtMs,',
    why: 'a report that satisfies its schema and cannot be encoded: it is never sent',
  },
  {
    name: 'given-up-at-once',
    file: 'src/negotiation/submitter/losses.ts',
    line: 'state.deadlines.set(`lost:${node}`, ctx.nowMs + ctx.config.adoptGraceMs)',
    instead: 'state.deadlines.set(`lost:${node}`, ctx.nowMs)',
    why: 'a daemon that restarts finds its tasks given to others',
  },
  {
    name: 'brake-ignored',
    file: 'src/negotiation/submitter/losses.ts',
    line: 'if (missed === undefined || ctx.cutOff) return',
    instead: 'if (missed === undefined) return',
    why: 'a node that is cut off gives up everybody',
  },
  {
    name: 'refutation-unheard',
    file: 'src/mesh/membership.ts',
    line: 'const pair = { epoch: record.epoch, incarnation: author.beat.body.incarnation }',
    instead: 'const pair = { epoch: record.epoch, incarnation: 0 }',
    why: 'a member that was missed once is offline for good',
  },
  {
    name: 'sync-on-greeting-only',
    file: 'src/mesh/sync.ts',
    line: 'if (state.peers.size === 0) return',
    instead: 'return',
    why: 'a record that gossip lost is missing until a link is dialled anew',
  },
  {
    name: 'unplaced-end-not-stored',
    file: 'src/negotiation/submitter/rounds.ts',
    line: "moveTask(ctx, task, 'failed')",
    instead: "moveTask(ctx, task, 'failed'); continue",
    why: 'a task that found no place has failed for its user, and is offered again after a crash',
  },
  {
    name: 'silence-not-told',
    file: 'src/negotiation/submitter/rounds.ts',
    line: "tell(state, ctx, job, { kind: 'unreachable', atMs: ctx.nowMs, offerId: round.offerId, node, reason })",
    instead: '',
    why: 'a node that did not answer looks as if it had never been asked',
  },
  {
    name: 'passed-over-unsaid',
    file: 'src/negotiation/submitter/rounds.ts',
    line: 'if (reason !== undefined) pass.push({ node: node.id, reason })',
    instead: 'if (reason !== undefined) {}',
    why: 'nobody learns why a node was never asked',
  },
  {
    name: 'skew-within-an-award',
    file: 'src/negotiation/submitter/award.ts',
    line: 'spread?.take(best.node)',
    instead: '',
    why: 'tasks that are awarded together all go to the domain that had the fewest',
  },
  {
    name: 'skew-of-the-gone',
    file: 'src/negotiation/submitter/spread.ts',
    line: 'if (here === undefined) return `is in ${this.#over} ${domain}, where no node can take the task now`',
    instead: 'if (here === undefined) return undefined',
    why: 'a node that said goodbye gets every waiting task for the slots that it holds',
  },
]
