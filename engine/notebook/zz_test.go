package notebook
import ("testing";"database/sql";"context";"time";"fmt"
_ "github.com/duckdb/duckdb-go/v2")
func TestZZ(t *testing.T){
 db,_:=sql.Open("duckdb","")
 defer db.Close()
 ctx:=context.Background()
 q:=func(s string,args ...any){
  rows,err:=db.QueryContext(ctx,s,args...)
  if err!=nil{fmt.Println("ERR",s,"=>",err);return}
  defer rows.Close()
  cols,_:=rows.Columns(); ct,_:=rows.ColumnTypes()
  n:=0
  for rows.Next(){ v:=make([]any,len(cols)); p:=make([]any,len(cols)); for i:=range v{p[i]=&v[i]}; rows.Scan(p...); if n<3 {fmt.Printf("%s => %v %v %T\n",s,ct[0].DatabaseTypeName(),v,v[0])}; n++}
  fmt.Println("   rows",n)
 }
 q(`WITH a AS (SELECT range x FROM range(5)) (
WITH b AS (SELECT * FROM a) SELECT x FROM b ORDER BY x DESC
)`)
 q(`WITH a AS (SELECT range x FROM range(5)) (
FROM a
)`)
 q(`WITH a AS (SELECT range x FROM range(5)) (
WITH a AS (SELECT x+10 AS x FROM a) SELECT x FROM a ORDER BY x DESC
)`)
 q(`WITH a AS (SELECT 1 x) ( SUMMARIZE a )`)
 q(`WITH a AS (SELECT 1 x) ( PIVOT a ON x )`)
 q(`WITH a AS (SELECT 1 x) PIVOT a ON x`)
 q(`EXPLAIN WITH a AS (SELECT 1 x) (FROM a)`)
 q(`WITH a AS (SELECT 1 x) ( VALUES (1),(2) )`)
 q(`WITH a AS (SELECT 1 x) ( DESCRIBE a )`)
 q(`WITH a AS (SELECT $from x) ( SELECT 1 )`, sql.Named("from",time.Now()))
 q(`WITH a AS (SELECT $from x) ( SELECT 1 )`)
 q(`SELECT $from`, sql.Named("from",time.Now()))
 q(`SELECT typeof($from), typeof($i), typeof($f), typeof($s), typeof($b)`, sql.Named("from",time.Now()),sql.Named("i",int64(3)),sql.Named("f",1.5),sql.Named("s","x"),sql.Named("b",true))
 q(`SELECT $From`, sql.Named("from",1))
 q(`SELECT $from, $FROM`, sql.Named("from",1))
 q(`SELECT 1, $x`, sql.Named("x",nil))
 q(`SELECT 1`, sql.Named("x",1))
 q(`SELECT /* a /* b */ c */ 1`)
 q(`SELECT $ä`, sql.Named("ä",1))
 q(`SELECT $tag$a$b$tag$`)
 q(`SELECT E'a\'b', e'\\' , x'00', U&'d'`)
 q(`SELECT $a1||$a`, sql.Named("a1","q"), sql.Named("a","q"))
 db.Exec(`SET VARIABLE s = TIMESTAMPTZ '2026-01-01 00:00:00Z'`)
 _,err:=db.Exec(`CREATE TEMP VIEW v AS SELECT getvariable('s') AS s ORDER BY 1`); fmt.Println(err)
 q(`FROM v`)
 db.Exec(`SET VARIABLE s = TIMESTAMPTZ '2027-01-01 00:00:00Z'`)
 q(`FROM v`)
 _,err=db.Exec(`CREATE TEMP VIEW w AS SELECT x FROM (SELECT 1 x) WHERE x = getvariable('s')::varchar::int`); fmt.Println(err)
 q(`SELECT if(count(*) = 0, 'ok', error('check at ' || count(*)::varchar || ' rows')) FROM (SELECT 1)`)
 q(`SELECT if(count(*) = 0, 'ok', error('check at ' || count(*)::varchar || ' rows')) FROM (SELECT 1 where false)`)
 q(`SELECT a$b FROM (SELECT 1 a$b)`)
 q(`SELECT 1 -- x`+"\r"+`, 2`)
 q(`FROM b: (SELECT 1 x)`)
 q(`SELECT ? + ?`, 1,2)
 q(`SELECT 1;`)
 q("SELECT 1_000, 1e3, 0x1F, 1.e2")
 q("SELECT 'a'\n'b'")
 q("SELECT 1 where $x = 'a'", sql.Named("x","a"))
 q("WITH a AS (SELECT 1 x;) (FROM a)")
 q("SELECT $1", sql.Named("1",5))
 q("SELECT $from$")
 q("SELECT @5, 3 !~ 'a'")
 q("select date '2026-01-01', now()::timestamp, 1.5::decimal(5,2), [1], {'a':1}, time '10:00'")
 q("SELECT $d::date, typeof($d)", sql.Named("d", time.Date(2026,1,1,0,0,0,0,time.UTC)))
}
