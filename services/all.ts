import type { ServiceEntry } from '#platform/run.ts';

/** Every service of the shop, and the port it listens on unless <NAME>_PORT says otherwise. */
export const services: readonly ServiceEntry[] = [
  { name: 'user', port: 50051, load: async () => (await import('./user/service.ts')).userService },
  { name: 'product', port: 50052, load: async () => (await import('./product/service.ts')).productService },
  { name: 'cart', port: 50053, load: async () => (await import('./cart/service.ts')).cartService },
  { name: 'coupon', port: 50054, load: async () => (await import('./coupon/service.ts')).couponService },
  { name: 'order', port: 50055, load: async () => (await import('./order/service.ts')).orderService },
  { name: 'payment', port: 50056, load: async () => (await import('./payment/service.ts')).paymentService },
  { name: 'gateway', port: 8080, load: async () => (await import('./gateway/service.ts')).gatewayService },
];
