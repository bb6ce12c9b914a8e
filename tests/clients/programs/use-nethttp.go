package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	method, url := "GET", "https://api.supabase.com/v1/projects/abcdefghijklmnopqrst"
	if os.Args[1] != "read" {
		method = "DELETE"
	}
	request, _ := http.NewRequest(method, url, nil)
	request.Header.Set("Authorization", "Bearer "+os.Getenv("SUPABASE_ACCESS_TOKEN"))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	body, _ := io.ReadAll(answer.Body)
	fmt.Println("spoke", answer.Proto)
	fmt.Println(string(body))
	if answer.StatusCode >= 400 {
		os.Exit(1)
	}
}
