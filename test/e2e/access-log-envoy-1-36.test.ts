/** What Envoy tells of requests and connections, through the Envoy of the oldest line that is supported. */
import { describeAccessLog } from './cases/access-log.js';

describeAccessLog('1.36');
