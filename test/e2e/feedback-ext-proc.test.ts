/** Signed answers where the request was judged on the same stream of ext_proc, on both Envoy lines. */
import { describeFeedback } from './cases/feedback.js';

describe('through the Envoy that this project runs', () => describeFeedback('current', 'ext_proc'));
describe('through the other Envoy line', () => describeFeedback('1.36', 'ext_proc'));
