/** Admission of a request that would be refused: asked again, with less, for as long as report-only lets the stores' refusals pass. */
import type { Admissible, Admitted } from '../../verify/admission.js';
import type { Refusal } from '../../verify/refusal.js';
import { afterAdmission, type WouldRefuse } from '../../verify/report-only/would-refuse.js';
import type { Grant } from './check-state.js';

/** Ends: a limit and a claim are each refused once. What was taken before a refusal has been given back by `admit`. */
export async function admitReported(
  reported: WouldRefuse,
  admit: (asked: Admissible) => Admitted | Refusal | Promise<Admitted | Refusal>,
): Promise<Grant | Refusal> {
  let next: WouldRefuse | Refusal = reported;
  while (next.kind === 'would_refuse') {
    const would: WouldRefuse = next;
    const admitted = await admit(would.admissible);
    if (admitted.kind === 'admitted') return { kind: 'allow', verified: would, admitted, would };
    next = afterAdmission(would, admitted);
  }
  return next;
}
