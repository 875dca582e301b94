use catena_core::{Context, agent};

async fn shout(text: String, _cx: Context) -> String {
    text + "!"
}

fn main() {
    agent(shout);
}
