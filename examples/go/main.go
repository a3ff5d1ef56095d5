// Searches the catalog as the workload "operator": go run . shirt
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"time"

	productv1 "only2u/gen/go/only2u/product/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

func main() {
	// Written by: npm run certificate -- operator
	dir := cmp.Or(os.Getenv("ONLY2U_DATA"), "../../.data") + "/identity/operator"
	certificate := must(tls.LoadX509KeyPair(dir+"/cert.pem", dir+"/key.pem"))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(dir + "/ca.pem")))
	credentials := credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}})
	address := cmp.Or(os.Getenv("PRODUCT_ADDRESS"), "127.0.0.1:50052")
	connection := must(grpc.NewClient(address, grpc.WithTransportCredentials(credentials)))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	request := &productv1.SearchProductsRequest{Query: os.Args[1], PageSize: 5}
	for _, product := range must(productv1.NewProductServiceClient(connection).SearchProducts(ctx, request)).Products {
		price := product.Variants[0].Price
		fmt.Printf("%s  %s  %.2f %s\n", product.Handle, product.Title, float64(price.MinorUnits)/100, price.Currency)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
