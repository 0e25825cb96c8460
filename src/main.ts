/** The process: command line, environment, signals, exit status. Nothing else knows about them. */
import { homedir, userInfo } from 'node:os';
import { basename, resolve } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { openApp, print } from './app/app.ts';
import { firstLog, openLog, type Log } from './app/log.ts';
import { allSettings, knownSettingNames, settingSections } from './app/settings.ts';
import { watchSignals } from './app/signals.ts';
import { takeGlobals } from './cli/arguments.ts';
import { allEntries, dispatch } from './cli/dispatch.ts';
import { takeDatabase } from './cli/named-database.ts';
import { logFailure, statusFor } from './cli/report.ts';
import { UsageError } from './cli/usage-error.ts';
import type { Arguments, Command, ProgramInfo } from './commands/command.ts';
import { loadSettings, type LoadedSettings } from './config/load.ts';
import { checkSettings } from './config/setting.ts';
import { ArchiverError, InterruptedError, messageOf } from './errors.ts';
import { systemClock } from './platform/clock.ts';

/** Set by the build. */
declare const walvaultRevision: string | undefined;
declare const walvaultDate: string | undefined;

/** The launcher's words before those of the user: its own path, and the signals that are to stay ignored. */
const launcherFlag = '--launched-as';

interface Invocation {
  readonly program: ProgramInfo;
  readonly words: readonly string[];
  readonly ignoredSignals: readonly NodeJS.Signals[];
}

function readInvocation(argv: readonly string[]): Invocation {
  const [node = 'node', script = 'walvault', ...given] = argv;
  const launched = given[0] === launcherFlag;
  const path = launched ? resolve(given[1] ?? script) : node;
  return {
    program: {
      version: packageJson.version,
      path,
      leadingArguments: launched ? [] : [script],
      name: launched && basename(path) === 'wal-g' ? 'wal-g' : 'walvault',
      get workerEntry() {
        return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
      },
    },
    words: launched ? given.slice(3) : given,
    ignoredSignals: launched && given[2] === 'nohup' ? ['SIGHUP'] : [],
  };
}

function versionLine({ name, version }: ProgramInfo): string {
  const revision = typeof walvaultRevision === 'undefined' ? 'devel' : walvaultRevision;
  const date = typeof walvaultDate === 'undefined' ? 'devel' : walvaultDate;
  return `${name} version ${version}\t${revision}\t${date}\tPostgreSQL, MySQL\n`;
}

/** The home directory of the user database wins over `$HOME`, as in WAL-G. */
function home(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    // A user id without an entry, as in containers.
    return homedir();
  }
}

async function announce({ settings, configPath, warnings }: LoadedSettings, { logger, level }: Log): Promise<void> {
  for (const { message, fields } of warnings) logger.warn(message, fields);
  if (level !== 'DEVEL') return;
  const { effectiveSettings } = await import('./config/describe.ts');
  if (configPath !== undefined) logger.debug('configuration file', { path: configPath });
  for (const one of effectiveSettings(settingSections, settings)) logger.debug('setting', one);
}

/** What becomes known while a run goes on, for telling how it failed. */
interface RunState {
  log: Log;
  command?: Command;
  args?: Arguments;
}

async function run({ program, words }: Invocation, signal: AbortSignal, state: RunState): Promise<number> {
  const { flags, config, turbo, rest } = takeGlobals(words, knownSettingNames());
  if (rest.length === 1 && (rest[0] === '--version' || rest[0] === '-v')) {
    await print(versionLine(program));
    return 0;
  }
  const globals = { ...(config === undefined ? {} : { config: resolve(config) }), ...(turbo ? { turbo } : {}) };
  const load = (): Promise<LoadedSettings> =>
    loadSettings({ flags, env: process.env, configPath: config, home: home(), knownNames: knownSettingNames() });
  const request = await dispatch(rest, {
    name: program.name,
    entries: allEntries(),
    globals,
    settings: async () => (await load()).settings,
    onCommand: (command) => (state.command = command),
  });
  if (request.kind === 'text') {
    await print(request.text);
    return 0;
  }
  state.args = request.args;
  const loaded = await load();
  const log = openLog(loaded.settings, systemClock);
  state.log = log;
  await announce(loaded, log);
  checkSettings(allSettings, loaded.settings);
  const configuration = { path: loaded.configPath, warnings: loaded.warnings };
  await using app = openApp({ settings: loaded.settings, configuration, log, signal, program });
  return (await request.command.run(app, request.args)) ?? 0;
}

/** Usage errors the way WAL-G tells them: to a person on stderr, and the message once more on stdout. */
async function tellUsage(error: ArchiverError, { program, words }: Invocation, { args }: RunState): Promise<void> {
  let usage = error instanceof UsageError ? error.usage : undefined;
  if (usage === undefined) {
    const { usageText } = await import('./cli/program.ts');
    const { database: said, rest } = takeDatabase(takeGlobals(words, new Set()).rest);
    const meant = args?.options['database'] === 'mysql' ? 'mysql' : 'postgres';
    const named = { database: said ?? meant, isNamed: said !== undefined };
    usage = await usageText(rest, { name: program.name, entries: allEntries(), ...named });
  }
  const hint = error.hint === undefined ? '' : `${error.hint}\n`;
  process.stderr.write(`Error: ${error.message}\n${hint}${usage}`);
  await print(`${error.message}\n`);
}

function statusAfter(error: unknown, { command, args }: RunState, { program }: Invocation): number {
  const own = command?.statusAfter?.(error, args ?? { positionals: [], options: {} });
  return own ?? statusFor(error, program.name);
}

async function main(): Promise<number> {
  const invocation = readInvocation(process.argv);
  const watch = watchSignals(invocation.ignoredSignals);
  const state: RunState = { log: firstLog(systemClock) };
  process.on('uncaughtException', (error) => {
    logFailure(error, state.log.logger);
    process.exit(statusAfter(error, state, invocation));
  });
  try {
    return await run(invocation, watch.signal, state);
  } catch (error) {
    const told: unknown = watch.signal.aborted ? watch.signal.reason : error;
    if (told !== error && !(error instanceof InterruptedError) && messageOf(error) !== messageOf(told)) {
      state.log.logger.debug('while stopping', { error: messageOf(error) });
    }
    if (told instanceof ArchiverError && told.kind === 'usage') {
      await tellUsage(told, invocation, state).catch(() => undefined);
    } else {
      logFailure(told, state.log.logger);
    }
    watch.raiseAgain();
    return statusAfter(told, state, invocation);
  }
}

/** For how long what nobody waits for any more (an idle connection) may keep the process, in milliseconds. */
const graceMs = 50;

/**
 * Lets the process end by itself. `process.exit` joins the threads of V8 before it stops their work: a compiler in the
 * background that waits for a garbage collection of the main thread then keeps the process for ever.
 */
function end(status: number): void {
  process.exitCode = status;
  process.removeAllListeners('uncaughtException').on('uncaughtException', () => process.exit(status));
  setTimeout(() => process.exit(status), graceMs).unref();
}

void main().then(end);
