import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { assetsDirectory, viewsDirectory } from '../../src/files.ts'

const filesIn = (directory: string, ending: string) =>
  readdirSync(directory)
    .filter((file) => file.endsWith(ending))
    .map((file) => ({ file, text: readFileSync(join(directory, file), 'utf8') }))

const styles = filesIn(assetsDirectory, '.css').map(({ text }) => text.replace(/\/\*[^]*?\*\//g, ''))

/** Every class of a view: in an attribute, and in a string of the code within an attribute. */
const classesOf = (view: string): string[] =>
  [...view.matchAll(/class="((?:<%[^]*?%>|[^"<])*)"/g)].flatMap(([, value = '']) => {
    const strings = [...value.matchAll(/<%[^]*?%>/g)].flatMap(([code]) =>
      [...code.matchAll(/[?:] '([^']*)'/g)].map(([, text = '']) => text),
    )
    return [value.replace(/<%[^]*?%>/g, ' '), ...strings].flatMap((text) => text.split(/\s+/)).filter(Boolean)
  })

describe('the style sheets', () => {
  const styled = new Set(
    styles.flatMap((style) => [...style.matchAll(/\.([a-z][\w-]*)(?=[^{}]*\{)/g)].map(([, name]) => name)),
  )
  const used = new Set(filesIn(viewsDirectory, '.eta').flatMap(({ text }) => classesOf(text)))

  it('have a rule for each class that a view uses', () => {
    expect(used.size).to.be.greaterThan(20)
    expect([...used].filter((name) => !styled.has(name))).to.deep.equal([])
  })

  it('have no rule for a class that no view uses', () => {
    expect([...styled].filter((name) => !used.has(name ?? ''))).to.deep.equal([])
  })

  it('name colours as variables only, so that a colour scheme and a brand reach all of them', () => {
    const rules = styles.join('\n').replace(/:root \{[^}]*\}/g, '')
    expect(rules.match(/#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(/gi) ?? []).to.deep.equal([])
  })

  it('style each kind of field that a view has', () => {
    const kinds = new Set(
      filesIn(viewsDirectory, '.eta').flatMap(({ text }) =>
        [...text.matchAll(/<input type="([a-z]+)"/g)].map(([, kind]) => kind ?? ''),
      ),
    )
    kinds.delete('hidden')
    for (const kind of kinds) expect(styles.join('\n'), kind).to.contain(`input[type='${kind}']`)
  })
})
