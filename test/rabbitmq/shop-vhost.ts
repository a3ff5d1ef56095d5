import { randomBytes } from 'node:crypto';
import { events } from '#gen/mesh/policies.ts';
import { engineVariable } from '#platform/testing/engines.ts';
import { definitionsOf } from '../../mesh/planes/rabbitmq.ts';
import { manage } from './vhost.ts';

/** A virtual host of a shop's own on the RabbitMQ that runs, with all that the contracts say and a user for each service. */
export type ShopVhost = {
  readonly name: string;
  /** Where each service finds it, such as ORDER_RABBITMQ_URL. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
};

export async function openShopVhost(): Promise<ShopVhost> {
  const name = `shop_${randomBytes(8).toString('hex')}`;
  const told = Object.entries(events).map(([topic, { publisher, subscribers }]) => ({ topic, publisher, subscribers }));
  const { permissions, topic_permissions: topicPermissions, ...rest } = definitionsOf(told, name);
  // A user is one of the whole broker: another shop has an order service too.
  const userOf = (service: string): string => `${name}_${service}`;
  const services = permissions.map(({ user }) => user);
  const password = randomBytes(16).toString('hex');

  async function close(): Promise<void> {
    await manage('DELETE', `/api/vhosts/${name}`);
    for (const service of services) await manage('DELETE', `/api/users/${userOf(service)}`);
  }

  for (const service of services) await manage('PUT', `/api/users/${userOf(service)}`, { password, tags: '' });
  const named = <P extends { readonly user: string }>(right: P): P => ({ ...right, user: userOf(right.user) });
  const rights = { permissions: permissions.map(named), topic_permissions: topicPermissions.map(named) };
  await manage('POST', '/api/definitions', { ...rest, ...rights });
  const urlOf = (service: string): string => {
    const url = new URL(engineVariable('RABBITMQ_ADMIN_URL'));
    url.username = userOf(service);
    url.password = password;
    url.pathname = `/${name}`;
    return url.href;
  };
  const variables = services.map((service) => [`${service.toUpperCase()}_RABBITMQ_URL`, urlOf(service)]);
  return { name, variables: Object.fromEntries(variables), close };
}
