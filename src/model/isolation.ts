/** Isolation of tasks: whether a node can run them out of reach of its host and of each other. */

/** What tasks are isolated by. */
export type IsolationKind = 'bwrap'

/** Whether tasks can be isolated on a node, as it found out; if not why, and what would help. */
export type IsolationState =
  | { readonly works: true; readonly by: IsolationKind; readonly version: string }
  /** `examined`: false as long as it has not looked; it does so within seconds of its start. */
  | { readonly works: false; readonly examined: boolean; readonly why: string; readonly fix: string }
