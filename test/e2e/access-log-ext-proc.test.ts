/** What Envoy tells of requests that ext_proc has judged: the same as of others. */
import { describeAccessLog } from './cases/access-log.js';

describeAccessLog('current', 'ext_proc');
