/** What is thrown on bytes of a log that are not in the form that a C2SP specification demands; the message is a sentence without a path. */
export class TlogError extends Error {
  override readonly name = 'TlogError';
}
