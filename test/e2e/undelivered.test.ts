/** What was let through and met nobody may come again, through the Envoy that this project runs. */
import { describeUndelivered, describeUndeliveredTwins } from './cases/undelivered.js';

describeUndelivered('current');
describeUndeliveredTwins();
