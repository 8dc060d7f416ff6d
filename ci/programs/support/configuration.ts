import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { blocksOf } from '../../test/support/page-blocks.ts'
import { declaredPrograms } from './program.ts'
import { startProgram, stopPrograms } from './running.ts'
import type { ProgramCommand } from './running.ts'

/** A page gives this to its program, and a part of the program reads it as the program does. Nobody signs in. */
interface ReadConfiguration<Files> {
  /** Of docs/integrations, which says the same version. */
  readonly page: string
  readonly name: string
  readonly version: string
  /** Fetches the part that reads, when it is not there yet. @returns where it is */
  prepare(): Promise<Files>
  /** In the block of the page that is read. */
  readonly block: string
  /** @returns what it says of the text: `taken`, or what is wrong */
  read(text: string, files: Files): Promise<string>
  readonly taken: string
  /** What a person may write in the place of what is right, and what is said of it. */
  readonly mistake: { readonly right: string; readonly wrong: string; readonly said: string }
}

/** Declares a configuration, and reads it where the suite of programs runs. */
export function tryConfiguration<Files>(configuration: ReadConfiguration<Files>): void {
  const { page, name, version, block, read, taken, mistake } = configuration
  declaredPrograms.push({ page, version, checked: 'configuration parsed', done: ['takes it', 'refuses a mistake'] })
  if (process.env['NAUTHERA_SUITE'] !== 'programs') return
  const found = blocksOf(`docs/integrations/${page}.md`).filter(({ text }) => text.includes(block))
  describe(`the configuration for ${name} ${version}`, function () {
    this.timeout(180_000)
    let files: Files
    before(async function () {
      this.timeout(2_400_000)
      files = await configuration.prepare()
    })
    after(stopPrograms)
    it('takes it', async () => {
      expect(found, 'blocks with these words').to.have.length(1)
      expect(await read(found[0]!.text, files)).to.include(taken)
    })
    it('refuses a mistake', async () => {
      const text = found[0]!.text.replace(mistake.right, mistake.wrong)
      expect(text, 'what the page has').to.not.equal(found[0]!.text)
      expect(await read(text, files))
        .to.include(mistake.said)
        .and.not.include(taken)
    })
  })
}

/** Runs a reader with a file that holds the text. @returns what it writes */
export async function readByCommand(
  text: string,
  file: string,
  command: (path: string) => ProgramCommand,
): Promise<string> {
  const folder = temporaryDirectory('program')
  await writeFile(join(folder, file), text)
  const program = startProgram(command(join(folder, file)))
  await program.ended
  return program.lines.join('\n')
}
