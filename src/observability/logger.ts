/** The operational log of a process: one JSON record a line on standard error, or lines for people at a terminal. */
import { isatty } from 'node:tty';
import { pino, type Logger } from 'pino';
import { escapeControls } from '../json/escape-text.js';
import { LogDestination } from './log-destination.js';

const STANDARD_ERROR = 2;
const NAME = 'countersign';

/** A log and the number of its lines that could not be written. */
interface OpenLog {
  readonly logger: Logger;
  readonly lostLines: () => number;
}

/** `worker` is the number of the worker that the lines come from. */
export function openLog(level: string, worker: number | undefined): OpenLog {
  const destination = new LogDestination({ lossLine });
  const lines = { write: (record: string) => destination.write(formatForTerminal(record)) };
  const logger = pino({ level, name: NAME }, isatty(STANDARD_ERROR) ? lines : destination);
  return {
    logger: worker === undefined ? logger : logger.child({ worker }),
    lostLines: () => destination.lostLines,
  };
}

/** As the logger writes its warnings. */
function lossLine(lostLines: number): string {
  const warning = { level: pino.levels.values['warn'], time: Date.now(), pid: process.pid, name: NAME };
  return `${JSON.stringify({ ...warning, lost_lines: lostLines, msg: 'lines of this log could not be written' })}\n`;
}

/** Of pino; a level in between is shown as the one below it. */
const LEVELS: readonly (readonly [least: number, name: string])[] = [
  [60, 'FATAL'],
  [50, 'ERROR'],
  [40, 'WARN '],
  [30, 'INFO '],
  [20, 'DEBUG'],
  [0, 'TRACE'],
];
/** Of every record the same, or shown by itself. */
const NOT_REPEATED: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'err']);

/**
 * `12:00:00.123 INFO  reloaded generation=2 changes=["keys added: a/k2"]`, in UTC, with the stack of an error below it.
 * What is no record of ours stays as it is, but for characters that could move the cursor.
 */
export function formatForTerminal(line: string): string {
  const record = parseRecord(line);
  if (record === undefined) return `${escapeControls(line.replace(/\n$/, ''))}\n`;
  const { level, time, msg, err } = record;
  const members = Object.entries(record)
    .filter(([name]) => !NOT_REPEATED.has(name))
    .map(([name, value]) => `${escapeControls(name)}=${valueText(value)}`);
  const heading = [
    clockText(time),
    levelText(level),
    ...(typeof msg === 'string' ? [escapeControls(msg)] : []),
    ...members,
  ];
  return `${heading.join(' ')}\n${errorText(err)}`;
}

type LogRecord = Readonly<Record<string, unknown>>;

function parseRecord(line: string): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'level' in value ? value : undefined;
  } catch {
    return undefined;
  }
}

function clockText(time: unknown): string {
  const moment = new Date(typeof time === 'number' ? time : NaN);
  return Number.isNaN(moment.getTime()) ? '--:--:--.---' : moment.toISOString().slice(11, 23);
}

function levelText(level: unknown): string {
  const number = typeof level === 'number' ? level : 0;
  return LEVELS.find(([least]) => number >= least)?.[1] ?? 'TRACE';
}

/** A word by itself, everything else as JSON. */
function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[\x21\x23-\x7e]+$/.test(value)) return value;
  return escapeControls(JSON.stringify(value));
}

function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { stack, message } = error as { readonly stack?: unknown; readonly message?: unknown };
  const text =
    typeof stack === 'string' ? stack : typeof message === 'string' ? message : JSON.stringify(error);
  return text
    .split('\n')
    .map((line) => `    ${escapeControls(line)}\n`)
    .join('');
}
