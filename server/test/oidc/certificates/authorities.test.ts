import { EventEmitter, once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { quietLog } from '@nauthera/harness/kept-log'
import { createCertificate } from '@nauthera/harness/certificates'
import { hasCode } from '@nauthera/runtime/coded-error'
import { createLog } from '@nauthera/runtime/log'
import { followAuthorities, readAuthorities } from '../../../src/oidc/certificates/authorities.ts'

const authority = async (name: string) => (await createCertificate({ name, authority: true })).pem

describe('readAuthorities', () => {
  it('takes those that may name others, and says of each other one what is wrong', async () => {
    const leaf = await createCertificate({ name: 'leaf' })
    const { usable, faults } = readAuthorities(`${await authority('one')}\n${leaf.pem}\n${await authority('two')}\n`)
    expect(usable.map(({ certificate }) => certificate.subject)).to.deep.equal(['CN=one', 'CN=two'])
    expect(faults).to.deep.equal(['CN=leaf is that of no authority (CA:TRUE is missing)'])
  })

  it('takes no file without a certificate, or with one that cannot be read', async () => {
    for (const text of ['', 'nothing', (await authority('one')).replace('MII', 'AAA')])
      expect(() => readAuthorities(text)).to.throw(Error)
  })
})

describe('followAuthorities', () => {
  it('reads the file again when it changes; what cannot be used changes nothing', async () => {
    const directory = temporaryDirectory('authorities')
    const file = join(directory, 'ca.crt')
    const said = new EventEmitter()
    const sink = { write: (line: string) => void said.emit((JSON.parse(line) as { msg: string }).msg) }
    const log = createLog({ process: 'server', level: 'info', format: 'json', sink })
    const replace = (text: string) => {
      writeFileSync(`${file}.next`, text)
      renameSync(`${file}.next`, file)
    }
    replace(await authority('old'))
    const authorities = await followAuthorities(file, { log, everyMs: 5 })
    const names = () => authorities.current().map(({ certificate }) => certificate.subject)
    try {
      expect(names()).to.deep.equal(['CN=old'])
      const same = authorities.current()
      const failed = once(said, 'the new authorities of clients cannot be used; the old ones stay in use')
      replace('damaged')
      await failed
      expect(authorities.current()).to.equal(same)
      const read = once(said, 'the authorities of clients are read')
      replace((await authority('new')) + '\n' + (await authority('old')))
      await read
      expect(names()).to.deep.equal(['CN=new', 'CN=old'])
    } finally {
      authorities.stop()
    }
  })

  it('does not begin with a file that cannot be used', async () => {
    const error = await followAuthorities('/nowhere/ca.crt', { log: quietLog }).catch((thrown: unknown) => thrown)
    expect(hasCode(error, 'TLS_FILE_INVALID')).to.equal(true)
  })
})
