/**
 * Jest gives tests an `Error` of their own, and what `node:fs` throws is none of it: `error instanceof Error` is
 * false here and true in production. Code that is run as a library by these tests has to see what it sees in production.
 */
import { types } from 'node:util';

Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    const inherited = Function.prototype[Symbol.hasInstance].call(
      this as Parameters<typeof Reflect.apply>[0],
      value,
    );
    return inherited || (this === Error && types.isNativeError(value));
  },
});
