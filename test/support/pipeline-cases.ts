/** Invalid requests, each one step from a valid one, with the code that the pipeline must give. */
import { deliveryCases, routeCases } from './pipeline-cases/delivery.js';
import { headersCases } from './pipeline-cases/headers.js';
import { certificateCases, identityCases } from './pipeline-cases/identity.js';
import { freshnessCases, bodyCases } from './pipeline-cases/body.js';
import { signatureCases } from './pipeline-cases/signature.js';
import { announcedCases, contractCases, authorisationCases } from './pipeline-cases/contract.js';
import type { PipelineCase } from './pipeline-cases/case.js';

/** Every case, in the order of the pipeline. */
export const pipelineCases: readonly PipelineCase[] = [
  ...deliveryCases,
  ...routeCases,
  ...certificateCases,
  ...headersCases,
  ...identityCases,
  ...freshnessCases,
  ...bodyCases,
  ...signatureCases,
  ...announcedCases,
  ...contractCases,
  ...authorisationCases,
];
