import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import { localesDirectory } from '../../../src/files.ts'
import { readTexts } from '../../../src/http/branding/texts.ts'

describe('texts of the people who run the service', () => {
  let directory: string
  beforeEach(() => (directory = temporaryDirectory('texts')))
  const write = (file: string, texts: unknown) =>
    writeFileSync(join(directory, file), typeof texts === 'string' ? texts : JSON.stringify(texts))
  const warned: object[] = []
  const log = { warn: (fields: object) => void warned.push(fields) } as Pick<Log, 'warn'>
  const read = () => readTexts(localesDirectory, { directory, log })
  const faults = () => {
    try {
      read()
    } catch (error) {
      if (error instanceof CodedError && error.code === 'SETTINGS_INVALID')
        return error.faults.map(({ path, message }) => {
          expect(path).to.equal('branding.textsDirectory')
          return message.replaceAll(directory, '…')
        })
      throw error
    }
    return []
  }

  it('take the place of ours, and leave the others', () => {
    write('de.json', { 'sign-in.title': 'Willkommen bei Beispiel' })
    const german = read().choose(['de'])
    expect(german.text('sign-in.title')).to.equal('Willkommen bei Beispiel')
    expect(german.text('sign-in.submit')).to.equal('Anmelden')
  })

  it('add a language, whose missing texts are in English', () => {
    write('sv.json', { 'sign-in.title': 'Logga in' })
    const texts = read()
    expect(texts.languages).to.include('sv')
    const swedish = texts.choose(['sv'])
    expect([swedish.language, swedish.text('sign-in.title')]).to.deep.equal(['sv', 'Logga in'])
    expect(swedish.text('sign-in.password')).to.equal('Password')
  })

  it('are read beside what Kubernetes puts into a mounted ConfigMap', () => {
    write('..data', '')
    write('README.md', '')
    write('de.json', {})
    expect(faults()).to.deep.equal([])
  })

  it('are refused in words, each fault of each file', () => {
    write('de.json', '{ "sign-in.title": ')
    write('fr.json', {
      'sign-in.client': 'vers {klient}',
      'sign-in.title': 'avec {name}',
    })
    write('sv.json', { 'sign-in.title': 7 })
    const found = faults()
    expect(found[0]).to.match(/^…\/de\.json is no JSON: /)
    expect(found.slice(1)).to.deep.equal([
      '…/fr.json: sign-in.client names {klient}; it has {client}',
      '…/fr.json: sign-in.title names {name}; it has none',
      '…/sv.json: sign-in.title must be a text of 1 to 2000 characters',
    ])
  })

  it('are passed over where this version has no such text, with one warning: files of another version stop no server', () => {
    write('de.json', { 'sign-in.title': 'Willkommen', 'sign-in.tilte': 'Hallo', 'of-next-version': 7 })
    write('fr.json', { 'of-next-version': 'pour {client}' })
    warned.length = 0
    expect(read().choose(['de']).text('sign-in.title')).to.equal('Willkommen')
    const keys = ['de.json: sign-in.tilte', 'de.json: of-next-version', 'fr.json: of-next-version']
    expect(warned).to.deep.equal([{ keys: keys.map((key) => join(directory, key)) }])
  })

  it('hide nothing and turn nothing round, and may say where a word breaks', () => {
    write('de.json', {
      'sign-in.title': 'An\u00admelden',
      'sign-in.password': 'Pass\u202ewort',
      'sign-in.submit': 'An\u200bmelden',
    })
    expect(faults()).to.deep.equal([
      '…/de.json: sign-in.password must not contain invisible characters',
      '…/de.json: sign-in.submit must not contain invisible characters',
    ])
  })

  it('L10 name all that people agree to, where something is allowed or linked', () => {
    write('de.json', {
      'consent.title': 'Zugriff erlauben?',
      'link-account.text': '{name} verbinden?',
      'linking.unknown': 'Von {name}',
      'security.link.found': '{label}',
      'security.linked.add': 'Konto verbinden',
    })
    const must = (key: string, names: string) =>
      `…/de.json: ${key} must name ${names}: people have to see what they agree to`
    expect(faults()).to.deep.equal([
      must('consent.title', '{client}'),
      must('link-account.text', '{username}, {label}'),
      must('linking.unknown', '{label}'),
      must('security.link.found', '{name}'),
    ])
  })

  it('must be there when the setting names them', () => {
    expect(faults()).to.deep.equal(['… has no file such as fr.json; add one, or leave the setting out'])
    rmSync(directory, { recursive: true })
    expect(faults()).to.deep.equal(['cannot read …; mount it there or correct the path'])
  })
})
