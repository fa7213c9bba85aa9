/** Bugs to plant in the core of governance, in the form of `planted-bugs.ts`: its checkers must catch every one. */
import type { PlantedBug } from './planted-bug.ts'

export const GOVERNANCE_BUGS: readonly PlantedBug[] = [
  {
    name: 'one-signature-less',
    file: 'src/governance/authority.ts',
    line: 'return signers.filter((signer) => keys.includes(signer)).length >= threshold',
    instead: 'return signers.filter((signer) => keys.includes(signer)).length >= threshold - 1',
    why: 'k − 1 admins decide',
  },
  {
    name: 'strangers-count',
    file: 'src/governance/authority.ts',
    line: 'return signers.filter((signer) => keys.includes(signer)).length >= threshold',
    instead: 'return keys.length > 0 && signers.length >= threshold',
    why: 'anybody signs in the place of an admin',
  },
  {
    name: 'revoke-loses-to-admit',
    file: 'src/governance/roster.ts',
    line: 'const members = new Map([...admissions].filter(([node]) => !gone.has(node)))',
    instead: 'const members = new Map(admissions)',
    why: 'a revoked key is a member again, or still',
  },
  {
    name: 'ticket-used-twice',
    file: 'src/governance/tickets.ts',
    line: "if (issued.burntFor !== undefined && issued.burntFor !== node) return 'used'",
    instead: '',
    why: 'one ticket admits all that show it',
  },
  {
    name: 'burnt-in-memory-alone',
    file: 'src/governance/step.ts',
    line: "out.push({ type: 'persist-ticket', key: hash, issued: redeemed.burnt })",
    instead: '',
    why: 'after a crash a ticket admits once more',
  },
  {
    name: 'signed-before-burnt',
    file: 'src/governance/step.ts',
    line: "out.push({ type: 'persist-ticket', key: hash, issued: redeemed.burnt })",
    instead:
      "out.push({ type: 'sign', kind: 'admission', body: redeemed.admission }, " +
      "{ type: 'persist-ticket', key: hash, issued: redeemed.burnt })",
    why: 'a crash in between leaves an admission and a ticket that is good for another',
  },
  {
    name: 'fork-goes-unseen',
    file: 'src/governance/log.ts',
    line: 'return recoveries.length > 0 ? recoveries : all',
    instead: 'return (recoveries.length > 0 ? recoveries : all).slice(0, 1)',
    why: 'each goes on with the entry that it saw first',
  },
  {
    name: 'recovery-is-one-of-many',
    file: 'src/governance/log.ts',
    line: 'return recoveries.length > 0 ? recoveries : all',
    instead: 'return all.length > 0 || recoveries.length > 0 ? all.slice(-1) : all',
    why: 'the last entry to come wins',
  },
  {
    name: 'withdrawn-enroller-counts',
    file: 'src/governance/authority.ts',
    line: 'return authority.enrollers.has(signer) || authority.withdrawn.get(signer)?.has(hash) === true',
    instead: 'return authority.enrollers.has(signer) || authority.withdrawn.has(signer) || hash.length === 0',
    why: 'an enroller without the right admits whom it likes',
  },
  {
    name: 'news-to-the-expelled',
    file: 'src/governance/step.ts',
    line: 'if (peer === from || state.roster.gone.has(peer)) continue',
    instead: 'if (peer === from) continue',
    why: 'whoever is out hears what follows',
  },
  {
    name: 'waits-without-end',
    file: 'src/governance/step.ts',
    line: 'if (waiting.size >= GOVERNANCE_LIMITS.waiting) waiting.delete(waiting.keys().next().value!)',
    instead: 'if (GOVERNANCE_LIMITS.waiting < 0) waiting.clear()',
    why: 'what nobody can place fills the memory',
  },
  {
    name: 'policy-by-one-admin',
    file: 'src/governance/authority.ts',
    line: "if (!isSignedBy(deciding, signers)) return 'too-few-signatures'",
    instead: "if (change.kind !== 'policy' && !isSignedBy(deciding, signers)) return 'too-few-signatures'",
    why: 'what the cluster lets run is decided by fewer than k',
  },
  {
    name: 'first-policy-for-ever',
    file: 'src/governance/authority.ts',
    line: 'authority.policy = { hash, version: (authority.policy?.version ?? 0) + 1, text: change.text }',
    instead: 'authority.policy ??= { hash, version: 1, text: change.text }',
    why: 'the admins cannot replace a policy',
  },
  {
    name: 'policy-from-beside',
    file: 'src/governance/log.ts',
    line: '} else walk(log)',
    instead: '} else {\nwalk(log)\napplyChange(log.authority, change, statement.hash)\n}',
    why: 'an old policy, or one of a fork, is applied over a newer',
  },
  {
    name: 'heads-never-compared',
    file: 'src/governance/step.ts',
    line: "if (message.body.digest !== head(state).digest) send({ t: 'gov-list', body: list(state, false) })",
    instead: 'head(state)',
    why: 'what gossip loses stays lost',
  },
  {
    name: 'unwritten-when-it-waited',
    file: 'src/governance/step.ts',
    line: 'for (const event of taken.flatMap((one) => eventOfStatement(state, one))) note(out, event)',
    instead:
      'for (const event of taken.filter((one) => statements.includes(one)).flatMap((one) => ' +
      'eventOfStatement(state, one))) note(out, event)',
    why: 'what came before what it rests on is missing in the audit log',
  },
  {
    name: 'one-admin-proposes-without-end',
    file: 'src/governance/proposals.ts',
    line: 'return admins.some((admin) => signedBy(state, admin) < PROPOSAL_LIMITS.ofOneAdmin)',
    instead: 'return admins.some((admin) => signedBy(state, admin) < 1_000)',
    why: 'a stolen key of an admin takes the places of all others',
  },
  {
    name: 'decided-and-still-proposed',
    file: 'src/governance/proposing.ts',
    line: 'state.proposals.delete(key)',
    instead: '',
    why: 'what can be decided no more is kept, and offered',
  },
  {
    name: 'offers-never-compared',
    file: 'src/governance/proposing.ts',
    line: 'for (const proposed of lackedBy(state, listed)) send(from, proposed, out)',
    instead: '',
    why: 'an admin that was away never hears of a proposal',
  },
]
