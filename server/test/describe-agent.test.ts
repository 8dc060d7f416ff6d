import { expect } from 'chai'
import { describeAgent } from '../src/describe-agent.ts'

const mozilla = 'Mozilla/5.0'
const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0'

describe('describeAgent', () => {
  const agents: [string, string | undefined, string | undefined, string | undefined][] = [
    ['Firefox', `${mozilla} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0`, 'Firefox', 'Linux'],
    ['Chrome', `${mozilla} (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36`, 'Chrome', 'Windows'],
    ['Edge', `${mozilla} (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36 Edg/140.0`, 'Edge', 'Windows'],
    ['Opera', `${mozilla} (Macintosh; Intel Mac OS X 10_15_7) ${chrome} Safari/537.36 OPR/120.0`, 'Opera', 'macOS'],
    [
      'Safari on a telephone',
      `${mozilla} (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1`,
      'Safari',
      'iPhone',
    ],
    ['Chrome on Android', `${mozilla} (Linux; Android 15) ${chrome} Mobile Safari/537.36`, 'Chrome', 'Android'],
    ['Chrome on ChromeOS', `${mozilla} (X11; CrOS x86_64 14541.0.0) ${chrome} Safari/537.36`, 'Chrome', 'ChromeOS'],
    ['a program', 'curl/8.5.0', undefined, undefined],
    ['nothing', undefined, undefined, undefined],
  ]
  for (const [name, agent, browser, system] of agents) {
    it(`names ${name}`, () => {
      expect(describeAgent(agent)).to.deep.equal({ browser, system })
    })
  }
})
