import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { CodedError } from '@nauthera/runtime/coded-error'
import { localesDirectory } from '../../src/files.ts'
import { readTexts } from '../../src/http/texts.ts'

describe('texts of the people who run the service', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'nauthera-texts-'))))
  afterEach(() => rmSync(directory, { recursive: true }))
  const write = (file: string, texts: unknown) =>
    writeFileSync(join(directory, file), typeof texts === 'string' ? texts : JSON.stringify(texts))
  const faults = () => {
    try {
      readTexts(localesDirectory, directory)
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
    const german = readTexts(localesDirectory, directory).choose(['de'])
    expect(german.text('sign-in.title')).to.equal('Willkommen bei Beispiel')
    expect(german.text('sign-in.submit')).to.equal('Anmelden')
  })

  it('add a language, whose missing texts are in English', () => {
    write('sv.json', { 'sign-in.title': 'Logga in' })
    const texts = readTexts(localesDirectory, directory)
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
      'sign-in.tilte': 'Bienvenue',
      'sign-in.client': 'vers {klient}',
      'sign-in.title': 'avec {name}',
    })
    write('sv.json', { 'sign-in.title': 7 })
    const found = faults()
    expect(found[0]).to.match(/^…\/de\.json is no JSON: /)
    expect(found.slice(1)).to.deep.equal([
      '…/fr.json: sign-in.tilte is no text of this version; docs/branding.md says where they are',
      '…/fr.json: sign-in.client names {klient}; it has {client}',
      '…/fr.json: sign-in.title names {name}; it has none',
      '…/sv.json: sign-in.title must be a text of 1 to 2000 characters',
    ])
  })

  it('must be there when the setting names them', () => {
    expect(faults()).to.deep.equal(['… has no file such as fr.json; add one, or leave the setting out'])
    rmSync(directory, { recursive: true })
    expect(faults()).to.deep.equal(['cannot read …; mount it there or correct the path'])
    directory = mkdtempSync(join(tmpdir(), 'nauthera-texts-'))
  })
})
