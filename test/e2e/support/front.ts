/** The filter by which Envoy asks the verifier, for suites that run over both. */
import type { ConfigurationDocument } from '../../../tools/local-federation/configuration.js';

export type Front = 'ext_authz' | 'ext_proc';

export const FRONTS: readonly Front[] = ['ext_authz', 'ext_proc'];

/** For `patchConfiguration`. */
export function through(front: Front, document: ConfigurationDocument): ConfigurationDocument {
  return front === 'ext_proc' ? throughExtProc(document) : document;
}

/** For `patchConfiguration`: requests are judged by way of ext_proc, and answers signed on the same stream. */
export function throughExtProc(document: ConfigurationDocument): ConfigurationDocument {
  const { listen, envoy } = document;
  return {
    ...document,
    listen: { ...listen, extProcVerify: true },
    ...(envoy && { envoy: { ...envoy, front: 'ext_proc' } }),
  };
}
