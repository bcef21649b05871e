/** What Envoy tells of requests and connections, through the Envoy that this project runs. */
import { describeAccessLog } from './cases/access-log.js';

describeAccessLog('current');
