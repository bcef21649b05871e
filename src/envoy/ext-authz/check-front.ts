/** ext_authz as a front of the decision: a CheckRequest in, a CheckResponse out. */
import type { Front } from '../check/check-service.js';
import type { PeerCertificates } from '../check/peer-certificates.js';
import { SelectedHeaders } from '../check/selected-headers.js';
import { readCheckRequest } from './check-request.js';
import { AllowTemplates } from './allow-templates.js';

/** Of serialised messages, both ways. `otherHeaders`: what is read besides what decisions read, in lower case. */
export function checkFront(
  certificates: Pick<PeerCertificates, 'read'>,
  otherHeaders: readonly string[] = [],
): Front<Buffer> {
  const templates = new AllowTemplates();
  const selected = new SelectedHeaders(otherHeaders);
  return {
    read: (message, snapshot) => readCheckRequest(message, selected.of(snapshot), certificates),
    answer: (concluded) => templates.answer(concluded),
  };
}
