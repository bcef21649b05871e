/** What was let through and met nobody may come again, through the Envoy that this project runs. */
import {
  describeUndelivered,
  describeUndeliveredReplaced,
  describeUndeliveredTwins,
} from './cases/undelivered.js';

describeUndelivered('current');
describeUndeliveredReplaced();
describeUndeliveredTwins();
