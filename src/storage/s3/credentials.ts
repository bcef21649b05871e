/** Credentials of an S3 bucket, in the form of the shared credentials file of AWS. No variable of the environment gives any. */

/** Whose request it is. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken: string | undefined;
}

const SECTION = /^\[[^\]]*\]$/;
const SETTING = /^(aws_access_key_id|aws_secret_access_key|aws_session_token)\s*=\s*([\x21-\x7e]{1,4096})$/;

/**
 * Reads the `[default]` section; a file without a section is one. Undefined when the two keys are not in it exactly
 * once: there is nothing of the text in what a caller then says.
 */
export function parseS3Credentials(text: string): S3Credentials | undefined {
  const found = new Map<string, string>();
  let isDefault = true;
  for (const line of text.split(/\r?\n/).map((one) => one.trim())) {
    if (SECTION.test(line)) isDefault = line === '[default]';
    const [, name, value] = SETTING.exec(line) ?? [];
    if (!isDefault || name === undefined || value === undefined) continue;
    if (found.has(name)) return undefined;
    found.set(name, value);
  }
  const accessKeyId = found.get('aws_access_key_id');
  const secretAccessKey = found.get('aws_secret_access_key');
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: found.get('aws_session_token') };
}
