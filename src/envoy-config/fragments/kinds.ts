/** The names of the fragments. Apart from how they are made, as the command line knows them without rendering anything. */

/** What can be asked for, in the order in which it is printed. `secrets` are the SDS files, rendered elsewhere. */
export const FRAGMENT_KINDS = [
  'connection-manager',
  'filters',
  'routes',
  'listener',
  'clusters',
  'process',
  'secrets',
] as const;
export type FragmentKind = (typeof FRAGMENT_KINDS)[number];
/** Those that are cut from the bootstrap. */
export type CutKind = Exclude<FragmentKind, 'secrets'>;
