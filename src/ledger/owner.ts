/**
 * Who holds a claim. `isDead` may only say true where it is certain (a process of this very machine that is gone);
 * a wrong true costs work done twice, never a row, since commits are fenced by the batch's intent.
 */
export interface Owner {
  readonly id: string;
  isDead(owner: string): boolean;
}
