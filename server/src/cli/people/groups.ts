// nauthera groups: groups and their members.
import type { Command } from 'commander'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createGroups } from '../../store/people/groups.ts'
import { ownSource } from '../../store/people/user.ts'
import type { User } from '../../store/people/user.ts'
import { confirm } from '../terminal/confirm.ts'
import { adminEvent, print, printHint, withDatabase } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'
import { findUser } from './one-user.ts'

export function addGroupCommands(program: Command, session: CommandSession): void {
  const groups = program.command('groups').description('manage groups of people')
  addList(groups, session)
  addCreate(groups, session)
  addDelete(groups, session)
  addMember(groups, session, 'add', {
    description: 'add a person to a group; a new group is created',
    done: 'is now in',
    already: 'was already in',
  })
  addMember(groups, session, 'remove', {
    description: 'remove a person from a group',
    done: 'is no longer in',
    already: 'was not in',
  })
}

function addList(groups: Command, session: CommandSession): void {
  groups
    .command('list')
    .description('list the groups')
    .addHelpText('after', '\nExample:\n  nauthera groups list -o yaml')
    .action(async () =>
      withDatabase(session, async (opened) => {
        const all = await createGroups(opened).list()
        print(
          session,
          all.map((group) => ({ ...group })),
          ['name', 'members'],
        )
      }),
    )
}

function addCreate(groups: Command, session: CommandSession): void {
  groups
    .command('create')
    .description('create an empty group')
    .argument('<group>', 'name of the group; upper and lower case differ')
    .addHelpText('after', '\nExample:\n  nauthera groups create admins')
    .action(async (group: string) =>
      withDatabase(session, async (opened) => {
        const made = await createGroups(opened).create(group, [adminEvent('groups.create', { detail: { group } })])
        printHint(session, made ? `${group} is there, and empty` : `${group} was there already; nothing was changed`)
      }),
    )
}

function addDelete(groups: Command, session: CommandSession): void {
  groups
    .command('delete')
    .description('delete a group; its members lose what it gave them')
    .argument('<group>', 'name of the group')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  nauthera groups delete contractors --yes')
    .action(async (group: string, options: { yes?: boolean }) =>
      withDatabase(session, async (opened) => {
        const store = createGroups(opened)
        const known = await store.find(group)
        if (known === undefined) throw unknownGroup(group)
        const question = `${peopleOf(known.members)} will no longer be in ${group}. Go on? [y/N] `
        if (options.yes !== true) await confirm(session.terminal, question)
        const members = await store.remove(group, [adminEvent('groups.delete', { detail: { group } })])
        if (members === undefined) throw unknownGroup(group)
        printHint(session, `${group} is deleted; it had ${peopleOf(members)}`)
      }),
    )
}

const peopleOf = (count: number): string => (count === 1 ? '1 person' : `${count} people`)

const unknownGroup = (group: string): CodedError =>
  new CodedError('GROUP_UNKNOWN', { message: `there is no group ${group}; "nauthera groups list" shows all` })

function addMember(
  groups: Command,
  session: CommandSession,
  name: 'add' | 'remove',
  says: { description: string; done: string; already: string },
): void {
  groups
    .command(name)
    .alias(`${name}-member`)
    .description(says.description)
    .argument('<group>', 'name of the group')
    .argument('<user>', 'user name or e-mail address')
    .addHelpText('after', `\nExample:\n  nauthera groups ${name} admins alice`)
    .action(async (group: string, login: string) =>
      withDatabase(session, async (opened) => {
        const user = await findUser(opened, login)
        if (user.source !== ownSource) throw groupsElsewhere(user)
        const store = createGroups(opened)
        const event = adminEvent(`groups.${name}`, { userId: user.id, detail: { group } })
        const changed = await (name === 'add' ? store.addMember : store.removeMember)(group, user.id, [event])
        printHint(session, `${user.username} ${changed ? says.done : says.already} ${group}`)
      }),
    )
}

const groupsElsewhere = ({ username, source }: User): CodedError =>
  new CodedError('USER_OF_OTHER_SOURCE', {
    message: `${username} has the groups that ${source} says; change them there`,
  })
