/** Signed answers through the other Envoy line, whose own replies never reach the signer. */
import { describeFeedback } from './cases/feedback.js';

describeFeedback('1.36');
