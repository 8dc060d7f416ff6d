import { createInterface } from 'node:readline/promises'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Terminal } from './terminal.ts'

/** Asks for confirmation at the terminal before something that cannot be undone.
 *  @throws CodedError USAGE_INVALID when the person says no, or there is no terminal to ask at */
export async function confirm({ stdin, stderr }: Terminal, question: string): Promise<void> {
  if (stdin.isTTY !== true) throw refusal('there is no terminal to ask at; give --yes')
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
    const answer = await Promise.race([lines.question(question), closed])
    if (!/^(y|yes)$/i.test(answer.trim())) throw refusal('nothing was done')
  } finally {
    lines.close()
  }
}

const refusal = (message: string): CodedError =>
  new CodedError('USAGE_INVALID', { faults: [{ path: 'answer', message }] })
