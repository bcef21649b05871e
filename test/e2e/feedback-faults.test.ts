/** Signed answers that fail to be signed, through the Envoy that this project runs. */
import { describeFeedbackFaults } from './cases/feedback-faults.js';

describeFeedbackFaults('current');
