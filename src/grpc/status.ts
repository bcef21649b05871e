/** gRPC status codes that a server of ours may answer (gRPC over HTTP/2, *Responses*; google.rpc.Code). */

/** Only what is used; names and numbers as in google.rpc.Code. */
export const GRPC_STATUS = {
  OK: 0,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
} as const;

/** How a call ended when it did not end well. The message goes to the peer: it holds no detail of a defect. */
export interface GrpcFailure {
  readonly code: Exclude<(typeof GRPC_STATUS)[keyof typeof GRPC_STATUS], 0>;
  /** Printable ASCII without `%`, so that it needs no percent-encoding. */
  readonly message: string;
}

export const UNKNOWN_METHOD: GrpcFailure = { code: GRPC_STATUS.UNIMPLEMENTED, message: 'unknown method' };
export const TOO_LARGE: GrpcFailure = { code: GRPC_STATUS.RESOURCE_EXHAUSTED, message: 'message too large' };
export const OVERLOADED: GrpcFailure = { code: GRPC_STATUS.RESOURCE_EXHAUSTED, message: 'overloaded' };
export const COMPRESSED: GrpcFailure = {
  code: GRPC_STATUS.UNIMPLEMENTED,
  message: 'compressed messages are not taken',
};
export const MALFORMED: GrpcFailure = { code: GRPC_STATUS.INTERNAL, message: 'malformed message framing' };
export const DEFECT: GrpcFailure = { code: GRPC_STATUS.INTERNAL, message: 'internal error' };
