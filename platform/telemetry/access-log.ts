import type { DescMethod } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { Fault } from '../fault.ts';
import type { Call } from '../rpc/call.ts';

/** A call that has ended; `call` is undefined when it was not admitted. */
export type EndedCall = {
  readonly method: DescMethod;
  readonly caller: string;
  readonly call: Call | undefined;
  readonly code: number;
  readonly error: unknown;
  readonly durationMs: number;
};

const refusalsASecond = 20; // a person reads no more, and writing thousands would help whoever sends them

/**
 * Writes one line a call: bugs as errors with their stack, trouble between services as warnings, refusals by policy as news,
 * all else for whoever looks closer (LOG_LEVEL=debug). Never a body or a token. Of refusals some are written each second, the rest counted.
 */
export function createAccessLog(log: Logger, nowMs: () => number): (ended: EndedCall) => void {
  let second = 0;
  let written = 0;
  let left = 0;

  function mayWrite(): boolean {
    const now = Math.floor(nowMs() / 1000);
    if (now !== second) {
      if (left > 0) log.warn({ left }, 'rpc refusals not written');
      second = now;
      written = 0;
      left = 0;
    }
    if (written >= refusalsASecond) {
      left++;
      return false;
    }
    written++;
    return true;
  }

  return ({ method, caller, call, code, error, durationMs }) => {
    const level = levelOf(code);
    if (!log.isLevelEnabled(level)) return;
    if ((level === 'info' || level === 'warn') && !mayWrite()) return;
    log[level](
      {
        method: `${method.parent.typeName}/${method.name}`,
        code,
        ms: Math.round(durationMs * 100) / 100,
        caller,
        user: call?.user?.id,
        requestId: call?.requestId,
        ...(error instanceof Fault ? { reason: error.reason, rule: error.metadata['rule'] } : {}),
        ...(level === 'error' ? { err: error } : {}),
      },
      'rpc',
    );
  };
}

function levelOf(code: number): 'error' | 'warn' | 'info' | 'debug' {
  switch (code) {
    case 2: // UNKNOWN
    case 13: // INTERNAL
    case 15: // DATA_LOSS
      return 'error';
    case 4: // DEADLINE_EXCEEDED
    case 8: // RESOURCE_EXHAUSTED
    case 14: // UNAVAILABLE
      return 'warn';
    case 7: // PERMISSION_DENIED
    case 16: // UNAUTHENTICATED
      return 'info';
    default:
      return 'debug';
  }
}
