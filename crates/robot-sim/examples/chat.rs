//! The chat page with one message of every kind: `cargo run -p watchbell-robot-sim --example chat`, then open the address.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use watchbell_json::{Json, json};
use watchbell_robot_sim::{Limit, Member, Robot, RobotSim, Settings, serve};
use watchbell_time::{ManualClock, Timestamp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = ManualClock::at("2026-03-09T01:12:40Z".parse::<Timestamp>()?);
    let mut ops = Robot::dingtalk("ops", "0123456789abcdef").with_keywords(["告警", "error"]).in_group("运维告警群");
    ops.members = vec![Member { mobile: "13800000000".into(), user_id: "zhang".into(), name: "张三".into() }];
    ops.limit = Limit { requests: 11, ..Limit::default() };
    let shop = Robot::dingtalk("shop", "fedcba9876543210").in_group("商城值班");
    let sim = RobotSim::new(Arc::new(clock), Settings { robots: vec![ops, shop] });
    let listener = TcpListener::bind("127.0.0.1:8090").await?;
    let address = listener.local_addr()?;
    println!("http://{address}/");
    let server = tokio::spawn(serve(listener, sim, std::future::pending()));
    for (token, body) in messages() {
        post(address, token, &body.to_string()).await?;
    }
    server.await?;
    Ok(())
}

fn messages() -> Vec<(&'static str, Json)> {
    let (ops, shop) = ("0123456789abcdef", "fedcba9876543210");
    vec![
        (shop, json!({"msgtype": "text", "text": {"content": "支付接口 p99 1.8 s，见 https://grafana.example/d/pay"}})),
        (ops, json!({"msgtype": "text", "text": {"content": "An error log has appeared. Please handle it as soon as possible."}})),
        (ops, json!({"msgtype": "text", "text": {"content": "磁盘空间不足，@13800000000 请尽快处理"}})),
        (
            ops,
            json!({"msgtype": "markdown", "markdown": {"title": "告警", "text": "### 告警：订单错误率升高\n> **order-api** 错误率 <font color=\"#f5222d\">7.3 %</font>，阈值 *1 %*\n\n- 节点 `node-7`，`node-9`\n- 持续 4 分钟\n- [查看日志](https://kibana.example/app/discover)\n\n1. 检查数据库连接\n2. 回滚 2026-03-09 的发布\n\n![曲线](https://img.example/a.png)\n\n@13800000000 请跟进"}, "at": {"atMobiles": ["13800000000"]}}),
        ),
        (ops, json!({"msgtype": "text", "text": {"content": "<img src=x onerror=alert(1)><script>alert(2)</script> error \"quoted\""}})),
        (
            ops,
            json!({"msgtype": "markdown", "markdown": {"title": "error", "text": "<script>alert(1)</script> [x](javascript:alert(1)) ![y](javascript:alert(2)) <font color=\"red;background:url(x)\">z</font>"}}),
        ),
        (
            ops,
            json!({"msgtype": "link", "link": {"title": "告警周报", "text": "本周共 42 次告警，其中 3 次为严重级别。点击查看全部内容与处理记录。", "messageUrl": "https://wiki.example/week", "picUrl": "https://img.example/b.png"}}),
        ),
        (
            ops,
            json!({"msgtype": "actionCard", "actionCard": {"title": "告警确认", "text": "#### 告警 **payment** 超时\n最近 5 分钟 128 次", "btnOrientation": "1", "btns": [{"title": "确认", "actionURL": "https://watch.example/ack"}, {"title": "静默 1 小时", "actionURL": "https://watch.example/mute"}]}}),
        ),
        (
            ops,
            json!({"msgtype": "feedCard", "feedCard": {"links": [{"title": "告警：三个服务恢复", "messageURL": "https://a.example", "picURL": "https://img.example/1.png"}, {"title": "order-api 已恢复", "messageURL": "https://b.example", "picURL": "https://img.example/2.png"}]}}),
        ),
        (ops, json!({"msgtype": "text", "text": {"content": "nobody named the keyword here"}})),
        (ops, json!({"msgtype": "markdown", "markdown": {"title": "告警"}})),
        (ops, json!({"msgtype": "text", "text": {"content": "告警：集群状态恢复为 green"}, "at": {"isAtAll": true}})),
        (ops, json!({"msgtype": "text", "text": {"content": "告警：这一条超过了频率限制"}})),
    ]
}

async fn post(address: std::net::SocketAddr, token: &str, body: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /robot/send?access_token={token} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
