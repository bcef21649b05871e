/** What was let through and met nobody may come again, through the Envoy of the oldest line that is supported. */
import { describeUndelivered } from './cases/undelivered.js';

describeUndelivered('1.36');
