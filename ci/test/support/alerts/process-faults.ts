// Faults of a process that gets too little: of a processor, or of memory.
import { readFileSync } from 'node:fs'
import type { AlertFault } from './fault.ts'
import { lasting, startThrottle } from './lasting.ts'
import { createMemoryGroup } from './memory-group.ts'

export const processFaults: readonly AlertFault[] = [
  {
    fault: 'a server stands still for two thirds of the time',
    alerts: ['NautheraEventLoopSlow'],
    ...lasting(({ chain }) =>
      startThrottle((name) => chain.stack.pods[2]!.server.kill(name), { still: 600, running: 300 }),
    ),
  },
  {
    fault: 'the memory limit of a server is set to what it uses',
    alerts: ['NautheraMemoryShort'],
    isPossible: () => {
      const group = createMemoryGroup()
      group?.remove()
      return group !== undefined
    },
    ...lasting(({ chain }) => {
      const { pid } = chain.stack.pods[2]!.server
      const group = createMemoryGroup()!
      group.take(pid!)
      group.limit(residentBytesOf(pid!))
      return () => group.remove()
    }),
  },
]

const residentBytesOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
