/** `countersign audit`: the audit log, read and judged from its directory; each of its commands is a file of its own, `audit-*.ts`. */
import { registerAuditCat } from './audit-cat.js';
import { registerAuditExport } from './audit-export.js';
import { registerAuditIndex } from './audit-index.js';
import { registerAuditProve } from './audit-prove.js';
import { registerAuditQuery } from './audit-query.js';
import { registerAuditVerifyProof } from './audit-verify-proof.js';
import { registerAuditVerify } from './audit-verify.js';
import { registerAuditVkey } from './audit-vkey.js';
import { type Register, examples } from './command.js';

/** In the order of the help. */
const COMMANDS: readonly Register[] = [
  registerAuditVerify,
  registerAuditProve,
  registerAuditVerifyProof,
  registerAuditCat,
  registerAuditQuery,
  registerAuditExport,
  registerAuditIndex,
  registerAuditVkey,
];

/** Adds the group. */
export const registerAudit: Register = (program, session) => {
  const group = program
    .command('audit')
    .description('verify an audit log, prove and read its records')
    .addHelpText('after', examples('countersign audit vkey --config countersign.yaml'));
  for (const register of COMMANDS) register(group, session);
};
