/**
 * What we use of `aws4fetch`. Its own declarations speak of a browser's `Request` and are for a package that need not be
 * installed.
 */
declare module 'aws4fetch' {
  export class AwsV4Signer {
    constructor(options: {
      method: string;
      url: string;
      headers: Record<string, string>;
      body?: Uint8Array | string;
      accessKeyId: string;
      secretAccessKey: string;
      sessionToken?: string;
      service: string;
      region: string;
      /** `YYYYMMDDThhmmssZ`. Default: now. */
      datetime?: string;
    });
    sign(): Promise<{ readonly method: string; readonly url: URL; readonly headers: Headers }>;
  }
}
