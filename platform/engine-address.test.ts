import { expect, test } from '@jest/globals';
import { hostOf, isLoopback, plainTextPlaces, sslModeOf } from './engine-address.ts';

test('what stays on this machine is known by its host, a socket included', () => {
  for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '::1', '[::1]', '', '/run/postgresql'])
    expect([host, isLoopback(host)]).toEqual([host, true]);
  for (const host of ['db', '10.0.0.1', '127.example.com', 'localhost.example.com', '[fd00::1]'])
    expect([host, isLoopback(host)]).toEqual([host, false]);
  expect([hostOf('a:1'), hostOf('a'), hostOf('[::1]:9042')]).toEqual(['a', 'a', '[::1]']);
});

test('PostgreSQL elsewhere is spoken to with TLS unless its URL says otherwise, and what could be talked out of TLS is no answer', () => {
  const modeOf = (url: string, hasAuthority = false) => sslModeOf(new URL(url), hasAuthority);
  expect(modeOf('postgres://db/shop')).toBe('verify-full');
  expect(modeOf('postgres://127.0.0.1/shop')).toBe('disable');
  expect(modeOf('postgres://127.0.0.1/shop', true)).toBe('verify-full');
  expect(modeOf('postgres:///shop?host=/run/postgresql')).toBe('disable');
  expect(modeOf('postgres://db/shop?sslmode=disable', true)).toBe('disable');
  expect(modeOf('postgres://db/shop?sslmode=verify-ca')).toBe('verify-ca');
  for (const unsafe of ['prefer', 'allow', 'no-verify', ''])
    expect(modeOf(`postgres://db/shop?sslmode=${unsafe}`)).toBeUndefined();
});

test('plain text to another machine is found in every engine’s variables', () => {
  const plain = {
    DATABASE_URL: 'postgres://db/shop?sslmode=disable',
    REDIS_URL: 'redis://cache:6379',
    RABBITMQ_URL: 'amqp://bus',
    ELASTICSEARCH_URL: 'https://a:9200,http://b:9200',
    CASSANDRA_HOSTS: '127.0.0.1:9042,node-2:9042',
    KAFKA_BROKERS: 'broker:9092',
  };
  expect(plainTextPlaces(plain).sort()).toEqual(Object.keys(plain).sort());
  expect(
    plainTextPlaces({
      DATABASE_URL: 'postgres://db/shop',
      REDIS_URL: 'redis://127.0.0.1:6379',
      RABBITMQ_URL: 'amqps://bus',
      ELASTICSEARCH_URL: 'https://a:9200',
      CASSANDRA_HOSTS: 'node-2:9042',
      CASSANDRA_CA: 'PEM',
      KAFKA_BROKERS: 'localhost:9092',
    }),
  ).toEqual([]);
});
