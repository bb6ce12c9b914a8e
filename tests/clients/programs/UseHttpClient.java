import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class UseHttpClient {
    public static void main(String[] arguments) throws Exception {
        boolean read = arguments[0].equals("read");
        String url = "https://api.machines.dev/v1/apps/web" + (read ? "/machines" : "/volumes/vol_1");
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .header("Authorization", "Bearer " + System.getenv("FLY_API_TOKEN"))
            .method(read ? "GET" : "DELETE", HttpRequest.BodyPublishers.noBody())
            .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println("spoke " + answer.version());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 400 ? 0 : 1);
    }
}
