/** Signed answers through the Envoy that this project runs. */
import { describeFeedback } from './cases/feedback.js';

describeFeedback('current');
