/** Signed answers that fail to be signed, through the other Envoy line. */
import { describeFeedbackFaults } from './cases/feedback-faults.js';

describeFeedbackFaults('1.36');
