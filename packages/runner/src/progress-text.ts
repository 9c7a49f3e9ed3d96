import { counted, formatBytes, formatDuration } from '@slipway/core';

export interface Step {
  readonly name: string;
  readonly total: number | undefined;
  readonly unit: 'bytes' | 'entries' | undefined;
  readonly startedMs: number;
  done: number;
}

/** The progress of a step: `1.2 GiB of 4.0 GiB (30%), 45.0 MiB/s, 1 min 3 s left`. */
export function progressText(step: Step, nowMs: number): string {
  const elapsedMs = Math.max(1, nowMs - step.startedMs);
  const rate = (step.done / elapsedMs) * 1000;
  const parts = [amountText(step)];
  if (step.done > 0)
    parts.push(`${step.unit === 'bytes' ? formatBytes(Math.round(rate)) : rateText(rate)}/s`);
  if (step.total !== undefined && step.done > 0 && step.done < step.total) {
    parts.push(`${formatDuration(((step.total - step.done) / rate) * 1000)} left`);
  }
  return parts.join(', ');
}

/** The result of a finished step: `4.0 GiB in 1 min 31 s`, or only the time. */
export function doneText(step: Step, nowMs: number): string {
  const duration = formatDuration(nowMs - step.startedMs);
  return step.done === 0 ? duration : `${amount(step.done, step.unit)} in ${duration}`;
}

function amountText(step: Step): string {
  const done = amount(step.done, step.unit);
  if (step.total === undefined || step.total <= 0) return done;
  const percent = Math.min(100, Math.floor((step.done / step.total) * 100));
  return `${done} of ${amount(step.total, step.unit)} (${percent}%)`;
}

function amount(value: number, unit: Step['unit']): string {
  if (unit === 'bytes') return formatBytes(value);
  return unit === 'entries' ? counted(value, 'entry', 'entries') : value.toLocaleString('en-US');
}

function rateText(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en-US');
}
