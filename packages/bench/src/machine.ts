import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { formatBytes } from '@slipway/core';

/** The machine properties on which results depend; none identifies its owner. */
export interface Machine {
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly nodeVersion: string;
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${arch()}, kernel ${release().split('-')[0]}`,
    nodeVersion: process.version,
  };
}

export function describeMachine(machine: Machine): string {
  const { cores, cpuModel, memoryBytes, nodeVersion, system } = machine;
  return `${cores} cores of ${cpuModel}, ${formatBytes(memoryBytes)} of memory, ${system}, Node ${nodeVersion}`;
}
